"""What the demo company did before it had this product: quarters of history, as its CRM would export them."""
