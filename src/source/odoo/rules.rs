//! What the rows say of themselves: findings that need nothing but what was read.
