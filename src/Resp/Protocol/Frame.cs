namespace Sluice.Resp;

/// <summary>What the scanner knows about a complete frame.</summary>
/// <param name="length">Bytes of the frame, leading attributes included.</param>
/// <param name="attributeBytes">Bytes of the attributes before the value.</param>
/// <param name="prefix">Type of the value itself.</param>
/// <param name="hasNestedPush">Redis 6 put pushes between the elements of a reply: they count as no element, and somebody has to deliver them.</param>
internal readonly struct Frame(long length, int attributeBytes, RespPrefix prefix, bool hasNestedPush)
{
    public long Length { get; } = length;

    public int AttributeBytes { get; } = attributeBytes;

    public RespPrefix Prefix { get; } = prefix;

    public bool HasNestedPush { get; } = hasNestedPush;
}
