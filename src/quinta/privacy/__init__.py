"""What keeps the rows of datasets private: their metadata, and what may be shown of what is known."""
