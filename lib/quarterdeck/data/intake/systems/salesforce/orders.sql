{% import 'parts.sql' as parts with context %}
-- One row an order's line; drafts, cancelled and deleted orders are left out.
SELECT o.id AS order_id,
{% if has.order_item.line_no %}
       i.line_no AS line_no,
{% else %}
       row_number() OVER (PARTITION BY i.order_id ORDER BY {{ 'i.order_item_number' if has.order_item.order_item_number else 'i.id' }}) AS line_no,
{% endif %}
       CAST(o.effective_date AS DATE) AS order_date, {{ parts.account_of('o.account_id') }} AS customer_id, i.product_2_id AS product_id,
{% if has.order.owner_id %}
       o.owner_id AS rep_id,
{% endif %}
       coalesce({% if has.order.region %}o.region, {% endif %}{{ parts.region_of('a', 'owner') }}, 'No region') AS region,
{% if has.order.channel %}
       o.channel AS channel,
{% endif %}
       i.quantity AS quantity,
{% if has.order_item.list_price %}
       CAST(i.quantity AS DOUBLE) * CAST(i.list_price AS DOUBLE){{ parts.rate(has.order) }} AS list_amount,
{% endif %}
{% if has.order_item.cost %}
       i.cost AS cost,
{% endif %}
       coalesce({% if has.order_item.total_price %}CAST(i.total_price AS DOUBLE), {% endif %}CAST(i.quantity AS DOUBLE) * CAST(i.unit_price AS DOUBLE)){{ parts.rate(has.order) }} AS revenue
FROM order_item i
JOIN "order" o ON o.id = i.order_id
{{ parts.join_account('o.account_id', has.account.master_record_id) -}}
{{ parts.join_owner('o.owner_id') -}}
{{ parts.join_rates(has.order, 'o.currency_iso_code', 'CAST(o.effective_date AS DATE)') -}}
WHERE NOT i.is_deleted AND NOT o.is_deleted
{% if has.order.status_code %}
  AND coalesce(o.status_code, '') NOT IN ('Draft', 'Canceled')
{% elif has.order.status %}
  AND coalesce(o.status, '') NOT IN ('Draft', 'Canceled', 'Cancelled')
{% endif %}
