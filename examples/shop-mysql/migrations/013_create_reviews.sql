-- Description: Reviews
CREATE TABLE reviews (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  product_id BIGINT UNSIGNED NOT NULL,
  stars TINYINT UNSIGNED NOT NULL CHECK (stars BETWEEN 1 AND 5),
  words TEXT NOT NULL,
  FULLTEXT KEY reviews_words (words),
  CONSTRAINT reviews_product FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO reviews (product_id, stars, words) VALUES (1, 5, 'Best tea 😀');

-- Rollback
-- DROP TABLE reviews;
