using System.Buffers;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>The product's scanner, reader and value tree over bytes that are cut in some way.</summary>
internal static class ProductReader
{
    /// <summary>Feeds ever longer beginnings of the stream, as a connection does: what is complete is consumed, the rest comes again with more behind it.</summary>
    /// <param name="bytes">The stream.</param>
    /// <param name="limits">Validated limits.</param>
    /// <param name="arrivals">Ends of what has arrived at each call, ascending.</param>
    /// <param name="segments">Ends of the segments, ascending; empty: spans.</param>
    /// <param name="faultOffset">Where the scanner put the fault; -1 if it found none.</param>
    public static Outcome ReadAll(byte[] bytes, RespLimits limits, IReadOnlyList<int> arrivals, IReadOnlyList<int> segments, out long faultOffset)
    {
        FrameScanner scanner = new(limits);
        List<string> values = [];
        int consumed = 0;
        faultOffset = -1;
        try
        {
            foreach (int arrived in arrivals)
            {
                while (consumed < arrived)
                {
                    Assert.Equal(consumed, scanner.StreamOffset);
                    ReadOnlySequence<byte> sequence = Segments.Cut(bytes.AsMemory(0, arrived), segments).Slice(consumed);
                    bool complete = segments.Count == 0
                        ? scanner.TryScan(bytes.AsSpan(consumed..arrived), out Frame frame)
                        : scanner.TryScan(sequence, out frame);
                    if (!complete)
                        break;
                    values.Add(Describe(sequence.Slice(0, frame.Length), frame));
                    consumed += (int)frame.Length;
                }
            }

            return new Outcome(values, consumed, Rejected: false);
        }
        catch (RespProtocolException fault)
        {
            Assert.InRange(fault.Offset, consumed, bytes.Length);
            Assert.True(fault.Bytes.Length <= 64);
            faultOffset = fault.Offset;
            return new Outcome(values, consumed, Rejected: true);
        }
    }

    /// <summary>One complete frame in <see cref="Notation"/>, read in both ways that the product has.</summary>
    public static string Describe(in ReadOnlySequence<byte> bytes, in Frame frame)
    {
        RespReader reader = bytes.IsSingleSegment ? new RespReader(bytes.FirstSpan) : new RespReader(bytes);
        Assert.Equal(frame.Prefix, reader.Prefix);
        Assert.Equal(frame.AttributeBytes > 0, reader.HasAttributes);

        List<string> pushes = [];
        RespReader walker = reader;
        while (walker.TryReadNestedPush(out RespReader push))
            pushes.Add(Describe(push));
        Assert.Equal(frame.HasNestedPush, pushes.Count > 0);

        RespReader end = reader;
        end.Skip();
        Assert.False(end.MoveNext());
        Assert.Equal(RespPrefix.None, end.Prefix);

        string value = Describe(reader);
        RespReader source = reader;
        RespValue tree = RespValue.Read(ref source);
        Assert.False(source.MoveNext());
        Assert.Equal(value, Describe(tree));

        int flat = 1;
        for (RespReader all = reader; all.MoveNext(); flat++)
        {
        }

        Assert.Equal(CountValues(tree), flat);
        return Notation.Frame(value, pushes);
    }

    private static int CountValues(RespValue tree) => 1 + tree.Items.Sum(CountValues);

    private static string Describe(RespReader reader)
    {
        List<string> attributes = [];
        if (reader.TryGetAttributes(out RespReader about))
        {
            do
            {
                Assert.Equal(RespPrefix.Attribute, about.Prefix);
                attributes.AddRange(DescribeChildren(about));
                about.Skip();
            }
            while (about.MoveNextAttribute());
        }

        return Notation.WithAttributes(attributes, DescribeBare(reader));
    }

    private static string DescribeBare(in RespReader reader)
    {
        if (reader.IsNull)
        {
            Assert.False(reader.IsAggregate);
            Assert.Null(reader.ReadString());
            return reader.Prefix == RespPrefix.Null ? Notation.Null : $"{Notation.Null}{(char)reader.Prefix}";
        }

        switch (reader.Prefix)
        {
            case RespPrefix.Integer:
                return Notation.Integer(reader.ReadInt64());
            case RespPrefix.Double:
                return Notation.Double(reader.ReadDouble());
            case RespPrefix.BigNumber:
                return Notation.Big(reader.ReadBigInteger());
            case RespPrefix.Boolean:
                return Notation.Boolean(reader.ReadBoolean());
            case RespPrefix.VerbatimString:
                return Notation.Verbatim(reader.VerbatimFormat!, Content(reader));
            case RespPrefix.Array or RespPrefix.Set or RespPrefix.Map or RespPrefix.Push:
                Assert.True(reader.IsAggregate);
                return Notation.Aggregate((char)reader.Prefix, DescribeChildren(reader));
            default:
                return Notation.Text((char)reader.Prefix, Content(reader));
        }
    }

    private static List<string> DescribeChildren(in RespReader reader)
    {
        List<string> items = [];
        foreach (RespReader child in reader.Children)
            items.Add(Describe(child));
        Assert.Equal(reader.Count, items.Count);
        return items;
    }

    private static byte[] Content(in RespReader reader)
    {
        byte[] copy = new byte[reader.ByteLength];
        Assert.Equal(copy.Length, reader.CopyTo(copy));
        if (reader.TryGetSpan(out ReadOnlySpan<byte> inPlace))
            Assert.Equal(copy, inPlace.ToArray());
        return copy;
    }

    private static string Describe(RespValue value)
    {
        string bare = value.Kind switch
        {
            _ when value.IsNull => value.Kind == RespPrefix.Null ? Notation.Null : $"{Notation.Null}{(char)value.Kind}",
            RespPrefix.Integer => Notation.Integer(value.AsInt64()),
            RespPrefix.Double => Notation.Double(value.AsDouble()),
            RespPrefix.BigNumber => Notation.Big(value.AsBigInteger()),
            RespPrefix.Boolean => Notation.Boolean(value.AsBoolean()),
            RespPrefix.VerbatimString => Notation.Verbatim(value.VerbatimFormat!, value.AsBytes().Span),
            RespPrefix.Array or RespPrefix.Set or RespPrefix.Map or RespPrefix.Push => Notation.Aggregate((char)value.Kind, value.Items.Select(Describe)),
            _ => Notation.Text((char)value.Kind, value.AsBytes().Span),
        };
        return Notation.WithAttributes(value.Attributes is null ? [] : [.. value.Attributes.Items.Select(Describe)], bare);
    }
}
