-- Description: Stars by product
CREATE VIEW product_stars AS
SELECT product_id, AVG(stars) AS stars, COUNT(*) AS reviews FROM reviews GROUP BY product_id;

-- Rollback: DROP VIEW product_stars;
