-- Description: Orders are sent and can be cancelled
ALTER TABLE orders MODIFY state ENUM('open', 'paid', 'sent', 'cancelled') NOT NULL DEFAULT 'open';
