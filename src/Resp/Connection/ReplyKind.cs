namespace Sluice.Resp.Connection;

/// <summary>What a caller wants its reply turned into; decides what the reader stores in the slot.</summary>
internal enum ReplyKind : byte
{
    /// <summary>Any reply that is no error is success; nothing is kept.</summary>
    Nothing,

    /// <summary>A 64-bit integer.</summary>
    Int64,

    /// <summary>A boolean: <c>#t</c>, an integer that is not zero, or <c>+OK</c>. Null is false (<c>SET ... NX</c>).</summary>
    Boolean,

    /// <summary>A double: RESP3's own, or its text in a string or an integer.</summary>
    Double,

    /// <summary>Bytes copied into the caller's memory.</summary>
    IntoBuffer,

    /// <summary>Bytes in pooled memory that the caller gives back.</summary>
    Lease,

    /// <summary>A string, or null.</summary>
    Text,

    /// <summary>Any reply, as a tree.</summary>
    Value,

    /// <summary>A 64-bit integer, or null.</summary>
    NullableInt64,

    /// <summary>A double, or null.</summary>
    NullableDouble,

    /// <summary>An array of integers, or null.</summary>
    Int64Array,

    /// <summary>An array of strings, each or all of which may be null; the keys and values of a map in turn.</summary>
    TextArray,

    /// <summary>The reply as it came, in pooled memory, to be read on the caller's thread.</summary>
    Frame,

    /// <summary>One or several replies that a <see cref="ReplyCollector"/> takes one by one.</summary>
    Collected,
}
