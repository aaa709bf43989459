/** The value of a trace file's field `schema`. Its number grows when an old reader would misread a new file. */
export const traceSchemaName = "dmaspec/trace@1";
