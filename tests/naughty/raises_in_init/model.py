class Model:
    def __init__(self, base_directory, context):
        raise FileNotFoundError("weights.bin is missing")
