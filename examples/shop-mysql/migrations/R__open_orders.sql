-- Description: What is to be sent
CREATE OR REPLACE VIEW open_orders AS
SELECT o.id, c.name, o.state, order_total(o.id) AS total_cents
FROM orders o JOIN customers c ON c.id = o.customer_id
WHERE o.state IN ('open', 'paid');

-- Rollback: DROP VIEW open_orders;
