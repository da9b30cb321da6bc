/* What a schema demands of a whole table, once its image is there, whatever format it came in:
 * primary and unique keys hold over all rows, and a geopoint becomes two columns.
 */
#ifndef MER_FRAME_TABLE_FINISH_H
#define MER_FRAME_TABLE_FINISH_H

#include "frame/field_value.h"

/* Is there anything to do? */
bool mer_schema_has_keys(const struct mer_schema *schema);
bool mer_schema_has_points(const struct mer_schema *schema);

/* Raises MER_ERR_DATA for the first value that breaks a constraint of its field. For formats whose
 * values are no texts, which nobody has asked field_value.h about. */
MER_MUST_CHECK mer_status mer_table_check_values(const struct mer_ctx *ctx,
                                                 const struct mer_schema *schema,
                                                 const struct mer_frame *frame, mer_err *err);

/* Raises MER_ERR_DATA for the first row whose key stands in a row before it; tells both. Keys are
 * compared by value; one in which something is missing is not compared, as in SQL. */
MER_MUST_CHECK mer_status mer_table_check_keys(const struct mer_ctx *ctx,
                                               const struct mer_schema *schema,
                                               const struct mer_frame *frame, mer_err *err);

/* Writes the table into the region (empty) with the two numbers NAME.longitude and NAME.latitude in
 * the place of every geopoint NAME, as far as its field wants them. */
MER_MUST_CHECK mer_status mer_table_split_points(const struct mer_ctx *ctx,
                                                 const struct mer_schema *schema,
                                                 const struct mer_frame *frame,
                                                 struct mer_region *region, mer_err *err);

#endif
