"""One-shot runs of an application: inputs and params in, an output folder, logs and one JSON value out."""
