-- Rollback: ALTER TABLE orders DROP INDEX orders_state_placed;
CREATE INDEX orders_state_placed ON orders (state, placed_at);
