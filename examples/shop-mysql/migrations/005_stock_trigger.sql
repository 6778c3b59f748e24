-- Description: A sold piece leaves the stock
CREATE TRIGGER order_lines_stock
AFTER INSERT ON order_lines
FOR EACH ROW
BEGIN
  UPDATE products SET stock = stock - NEW.quantity WHERE id = NEW.product_id;
END;

-- Rollback: DROP TRIGGER order_lines_stock;
