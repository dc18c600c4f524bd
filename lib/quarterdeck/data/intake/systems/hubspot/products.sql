-- One row a product; deleted ones stay, for past deals name them.
SELECT p.id AS product_id, coalesce(p.name, p.id) AS name, coalesce({% if has.product.category %}p.category, {% endif %}'No category') AS category,
{% if has.product.unit_cost %}
       p.unit_cost AS unit_cost,
{% endif %}
       {{ 'p.price' if has.product.price else 'NULL' }} AS list_price
FROM product p
