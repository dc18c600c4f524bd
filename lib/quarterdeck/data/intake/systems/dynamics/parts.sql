{# What several tables share: the region of an account, or of an owner. #}
{% macro region_of() -%}
{% if region == 'own' %}a.region{% elif region in ('territory', 'user') %}t.name{% elif region == 'country' %}a.address1_country{% else %}NULL{% endif %}
{%- endmacro %}
{% macro joins(account, owner, needed) %}
{% if has.account and (needed or region in ('own', 'territory', 'country')) %}
LEFT JOIN account a ON a.accountid = {{ account }}
{% endif %}
{% if region == 'territory' %}
LEFT JOIN territory t ON t.territoryid = a.territoryid
{% elif region == 'user' %}
LEFT JOIN systemuser seller ON seller.systemuserid = {{ owner }}
LEFT JOIN territory t ON t.territoryid = seller.territoryid
{% endif %}
{% endmacro %}
