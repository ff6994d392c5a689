"""The example models and the demo."""
