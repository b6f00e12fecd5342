"""The model as plain values: layers, calls, channel ids, costs."""
