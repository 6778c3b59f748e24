-- Description: Nothing is free; a trigger without BEGIN
CREATE TRIGGER products_price
BEFORE INSERT ON products
FOR EACH ROW
IF NEW.price_cents = 0 THEN SET NEW.price_cents = 1; END IF;

-- Rollback: DROP TRIGGER products_price;
