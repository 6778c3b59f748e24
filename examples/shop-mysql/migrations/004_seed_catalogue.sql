-- Description: Something to sell
-- Depends: 002
INSERT INTO products (id, sku, title, price_cents, stock) VALUES
  (1, 'TEA-01', 'Green tea 🍵; loose', 1290, 40),
  (2, 'CUP-01', 'It''s a cup -- really', 890, 12),
  (3, 'POT-01', 'Pot "large"', 3450, 5);
INSERT INTO customers (id, email, name) VALUES (1, 'ada@example.org', 'Ada'), (2, 'jose@example.org', 'José');

-- Rollback
-- DELETE FROM orders WHERE customer_id IN (1, 2);
-- DELETE FROM customers WHERE id IN (1, 2);
-- DELETE FROM products WHERE id IN (1, 2, 3);
