-- Description: The teapot's size is an attribute; its old title is kept for the way back
UPDATE products SET attributes = JSON_OBJECT('size', 'large', 'title', title) WHERE sku = 'POT-01';
UPDATE products SET title = 'Pot' WHERE sku = 'POT-01';

-- Rollback
-- UPDATE products SET title = JSON_UNQUOTE(JSON_EXTRACT(attributes, '$.title')), attributes = NULL WHERE sku = 'POT-01';
