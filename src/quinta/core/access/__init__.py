"""Who is calling, and the one function that says what they may do and see."""
