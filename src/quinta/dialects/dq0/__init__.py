"""The quarantine's platform as gateways and programs written for DQ0 speak to it (docs/dialects/dq0.md)."""
