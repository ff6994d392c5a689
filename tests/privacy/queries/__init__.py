"""Tests of private SQL: mechanisms, cost, accuracy, shape."""
