"""Quinta beside other model servers: the same function, the same load generator, each peer in its own environment."""
