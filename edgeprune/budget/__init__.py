"""A budget, met on the user's own device.

profile    measures candidates of a model on a device and fits a latency table to them
allocate   the widths that keep the most at a cost
fit        plans, builds, measures and corrects until the measured figure is inside the budget
explain    why each group has the width it has
"""

from edgeprune.budget.explain import Explanation
from edgeprune.budget.fit import Fitted, fit_budget
from edgeprune.budget.limits import Budget

__all__ = ["Budget", "Explanation", "Fitted", "fit_budget"]
