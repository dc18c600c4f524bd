-- One row a product.
SELECT p.id AS product_id, coalesce(p.name, p.code, p.id) AS name, coalesce({% if has.product.category %}p.category, {% endif %}'No category') AS category,
{% if has.product.cost %}
       p.cost AS unit_cost,
{% endif %}
       {{ 'p.price' if has.product.price else 'NULL' }} AS list_price
FROM product p
