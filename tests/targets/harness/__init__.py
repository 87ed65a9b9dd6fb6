"""What the faulty and healthy targets are built from, and what drives and judges them."""
