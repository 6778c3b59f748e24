-- Description: What an order costs
DELIMITER $$
CREATE FUNCTION order_total(which BIGINT UNSIGNED) RETURNS BIGINT UNSIGNED
READS SQL DATA
BEGIN
  DECLARE total BIGINT UNSIGNED;
  SELECT COALESCE(SUM(quantity * price_cents), 0) INTO total FROM order_lines WHERE order_id = which;
  RETURN IF(total > 5000, total, total + 490);
END$$
DELIMITER ;

-- Rollback
-- DROP FUNCTION order_total;
