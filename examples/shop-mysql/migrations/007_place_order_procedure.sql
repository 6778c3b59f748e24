-- Description: Place an order of one product
CREATE PROCEDURE place_order(IN buyer BIGINT UNSIGNED, IN item BIGINT UNSIGNED, IN pieces INT UNSIGNED)
BEGIN
  DECLARE available INT;
  DECLARE price INT UNSIGNED;
  SELECT stock, price_cents INTO available, price FROM products WHERE id = item FOR UPDATE;
  IF available < pieces THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not enough in stock';
  ELSE
    INSERT INTO orders (customer_id) VALUES (buyer);
    INSERT INTO order_lines (order_id, product_id, quantity, price_cents)
    VALUES (LAST_INSERT_ID(), item, pieces, CASE WHEN pieces >= 10 THEN price * 9 DIV 10 ELSE price END);
  END IF;
END;

-- Rollback: DROP PROCEDURE place_order;
