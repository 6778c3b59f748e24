UPDATE orders SET state = 'paid' WHERE state = 'sent';
UPDATE orders SET state = 'open' WHERE state = 'cancelled';
ALTER TABLE orders MODIFY state ENUM('open', 'paid') NOT NULL DEFAULT 'open';
