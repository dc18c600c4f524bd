{% import 'parts.sql' as parts with context %}
-- One row an account; deleted and merged ones are left out.
SELECT a.id AS customer_id, coalesce(a.name, a.id) AS name, coalesce({{ parts.region_of('a', 'owner') }}, 'No region') AS region,
{% if has.account.customer_since %}
       CAST(a.customer_since AS DATE) AS since,
{% endif %}
{% if has.account.number_of_employees %}
       a.number_of_employees AS size,
{% endif %}
       {{ 'a.segment' if has.account.segment else 'a.industry' }} AS segment
FROM account a
{{ parts.join_owner('a.owner_id') -}}
WHERE NOT a.is_deleted
