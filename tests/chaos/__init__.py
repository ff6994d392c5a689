"""Nothing lost: load, faults at random moments, and a record that the client keeps by itself to compare with."""
