{% import 'parts.sql' as parts with context %}
-- One row an order's line; cancelled orders are left out. Revenue is net of tax.
SELECT o.salesorderid AS order_id,
       row_number() OVER (PARTITION BY i.salesorderid ORDER BY {{ 'i.lineitemnumber, ' if has.salesorderdetail.lineitemnumber }}{{ 'i.salesorderdetailid' if has.salesorderdetail.salesorderdetailid else 'i.productid' }}) AS line_no,
       CAST(o.ordered_on AS DATE) AS order_date, o.customerid AS customer_id, i.productid AS product_id,
{% if has.salesorder.ownerid %}
       o.ownerid AS rep_id,
{% endif %}
       coalesce({{ parts.region_of() }}, 'No region') AS region, i.quantity AS quantity,
{% if has.salesorderdetail.priceperunit %}
       CAST(i.quantity AS DOUBLE) * CAST(i.priceperunit AS DOUBLE) AS list_amount,
{% endif %}
{% if has.salesorderdetail.extendedamount %}
       CAST(i.extendedamount AS DOUBLE){% if has.salesorderdetail.tax %} - coalesce(CAST(i.tax AS DOUBLE), 0){% endif %} AS revenue
{% elif has.salesorderdetail.baseamount %}
       i.baseamount AS revenue
{% else %}
       CAST(i.quantity AS DOUBLE) * CAST(i.priceperunit AS DOUBLE) AS revenue
{% endif %}
FROM salesorderdetail i
JOIN salesorder o ON o.salesorderid = i.salesorderid
{{ parts.joins('o.customerid', 'o.ownerid', false) -}}
{% if has.salesorder.statecode %}
WHERE lower(coalesce(o.statecode, '')) NOT IN ('2', 'canceled', 'cancelled')
{% endif %}
