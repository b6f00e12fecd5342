"""The stages of a build, one module each; `edgeprune.pipeline` calls them in order.

inputs → pruning → training → quantizing → measuring
"""
