"""The DQ0 face, knocked at as gateways and programs do."""
