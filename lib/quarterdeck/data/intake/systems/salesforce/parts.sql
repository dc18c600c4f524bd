{# What several tables share: a region, and amounts in the corporate currency. #}
{% macro region_of(account, owner) -%}
{% if region == 'own' %}{{ account }}.region{% elif region == 'role' %}{{ owner }}.role{% elif region == 'country' %}{{ account }}.billing_country{% else %}NULL{% endif %}
{%- endmacro %}
{% macro join_account(key, needed) %}
{% if has.account and (needed or region in ('own', 'country')) %}
LEFT JOIN account a ON a.id = {{ key }}
{% endif %}
{% endmacro %}
{% macro join_owner(key) %}
{% if region == 'role' %}
LEFT JOIN (SELECT u.id, ur.name AS role FROM "user" u JOIN user_role ur ON ur.id = u.user_role_id) owner ON owner.id = {{ key }}
{% endif %}
{% endmacro %}
{% macro account_of(key) -%}
{% if has.account and has.account.master_record_id %}CASE WHEN a.is_deleted THEN a.master_record_id ELSE {{ key }} END{% else %}{{ key }}{% endif %}
{%- endmacro %}
{% macro forecast_of(row, of) -%}
{% if of.probability %},
       CASE WHEN {{ row }}.probability BETWEEN 0 AND 100 THEN {{ row }}.probability / 100 END AS probability{% endif %}
{% if of.forecast_category %},
       {{ row }}.forecast_category AS forecast_category{% endif %}
{%- endmacro %}
{% macro rate(of) -%}
{% if of.currency_iso_code and (has.dated_conversion_rate or has.currency_type) %} / coalesce({% if has.dated_conversion_rate %}CAST(rate.conversion_rate AS DOUBLE), {% endif %}{% if has.currency_type %}CAST(ct.conversion_rate AS DOUBLE), {% endif %}1){% endif %}
{%- endmacro %}
{% macro join_rates(of, code, day) %}
{% if of.currency_iso_code %}
{% if has.dated_conversion_rate %}
LEFT JOIN dated_conversion_rate rate ON rate.iso_code = {{ code }}
  AND {{ day }} >= CAST(rate.start_date AS DATE) AND {{ day }} < CAST(rate.next_start_date AS DATE)
{% endif %}
{% if has.currency_type %}
LEFT JOIN currency_type ct ON ct.iso_code = {{ code }}
{% endif %}
{% endif %}
{% endmacro %}
