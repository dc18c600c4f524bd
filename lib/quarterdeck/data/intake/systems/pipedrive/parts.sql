{# The region of a deal. #}
{% macro region_of() -%}
{% if region == 'own' %}g.region{% elif region == 'deal' %}d.region{% elif region == 'country' %}g.address_country{% else %}NULL{% endif %}
{%- endmacro %}
