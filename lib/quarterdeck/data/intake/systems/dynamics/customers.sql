{% import 'parts.sql' as parts with context %}
-- One row an account; those that were merged into another are left out.
SELECT a.accountid AS customer_id, coalesce(a.name, a.accountid) AS name,
       coalesce({{ "t.name" if region == 'territory' else parts.region_of() if region in ('own', 'country') else 'NULL' }}, 'No region') AS region,
{% if has.account.numberofemployees %}
       a.numberofemployees AS size,
{% endif %}
       {{ 'a.industrycode' if has.account.industrycode else 'NULL' }} AS segment
FROM account a
{% if region == 'territory' %}
LEFT JOIN territory t ON t.territoryid = a.territoryid
{% endif %}
WHERE NOT a.merged
