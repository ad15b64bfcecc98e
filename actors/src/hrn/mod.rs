//! Human response needed: what in a text says that a person must answer, found by rules alone.
