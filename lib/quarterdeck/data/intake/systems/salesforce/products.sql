-- One row a product; deleted ones stay, for past sales name them. The list price is that of the first active price book entry.
SELECT p.id AS product_id, coalesce(p.name, p.product_code, p.id) AS name, coalesce({% if has.product_2.family %}p.family, {% endif %}'No family') AS category,
{% if has.product_2.list_price %}
       p.list_price AS list_price,
{% elif has.pricebook_entry %}
       entry.unit_price AS list_price,
{% endif %}
{% if has.product_2.launched %}
       CAST(p.launched AS DATE) AS launched,
{% endif %}
       {{ 'p.unit_cost' if has.product_2.unit_cost else 'NULL' }} AS unit_cost
FROM product_2 p
{% if has.pricebook_entry and not has.product_2.list_price %}
LEFT JOIN (
  SELECT e.product_2_id, e.unit_price, row_number() OVER (PARTITION BY e.product_2_id ORDER BY e.id) AS place
  FROM pricebook_entry e WHERE e.is_active AND NOT e.is_deleted
) entry ON entry.product_2_id = p.id AND entry.place = 1
{% endif %}
