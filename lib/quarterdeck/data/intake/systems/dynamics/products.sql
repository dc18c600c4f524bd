-- One row a product; its category is its family.
SELECT p.productid AS product_id, coalesce(p.name, p.productnumber) AS name, coalesce({% if has.product.family %}p.family, {% endif %}'No family') AS category,
{% if has.product.price %}
       p.price AS list_price,
{% endif %}
       {{ 'p.standardcost' if has.product.standardcost else 'p.currentcost' if has.product.currentcost else 'NULL' }} AS unit_cost
FROM product p
