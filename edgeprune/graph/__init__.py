"""The model as plain values: layers, calls, unit ids, costs."""
