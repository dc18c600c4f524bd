{% import 'parts.sql' as parts with context %}
-- One row an organisation.
SELECT g.id AS customer_id, coalesce(g.name, g.id) AS name,
       coalesce({{ parts.region_of() if region in ('own', 'country') else 'NULL' }}, 'No region') AS region,
{% if has.organization.employees %}
       g.employees AS size,
{% endif %}
       {{ 'g.segment' if has.organization.segment else 'NULL' }} AS segment
FROM organization g
