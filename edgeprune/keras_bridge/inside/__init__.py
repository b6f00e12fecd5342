"""Sees inside layers that are made of layers; see `edgeprune.keras_bridge.inside.open_model`."""
