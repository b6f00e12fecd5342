"""A budget, met on the user's own device.

profile    measures candidates of a model on a device and fits a latency table to them
allocate   the widths that keep the most at a cost
plans      plans made in several ways, judged by the networks that come of them
fit        plans, builds, measures and corrects until the measured figure is inside the budget
explain    why each group has the width it has
"""
