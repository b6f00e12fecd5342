"""Latency-constrained search: widths that meet a latency, memory, size or MAC budget on a device.

search            plans, builds, measures and corrects until the measured figure is inside the budget
profile, timing   measure candidates of a model on a device and fit a latency table (`latency`) to them
plans             plans made in several ways, judged by the networks that come of them
explain           why each group has the width it has
"""
