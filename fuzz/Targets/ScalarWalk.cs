using System.Buffers;
using Sluice.Resp;

namespace Sluice.Fuzz.Targets;

/// <summary>The conversions of a reader and of a tree: what one gives the other gives, what one refuses the other refuses.</summary>
internal static class ScalarWalk
{
    private static readonly byte[] Scratch = new byte[FuzzTarget.MaxInput];
    private static readonly SearchValues<byte> OfIntegers = SearchValues.Create("0123456789+-"u8);
    private static readonly SearchValues<byte> OfDoubles = SearchValues.Create("0123456789+-.eEinfa"u8);

    public static void Ask(in RespReader reader, RespValue? tree, bool thorough)
    {
        bool isInteger = reader.TryReadInt64(out long integer);
        bool isDouble = reader.TryReadDouble(out double number);
        bool isBoolean = reader.TryReadBoolean(out bool truth);
        OracleException.Demand(!isInteger || isDouble, "An integer that is no number");
        if (reader.IsString)
            DemandSpelling(reader, isInteger, isDouble);
        DemandShape(reader);
        if (tree is null)
            return;

        OracleException.Demand(reader.Prefix == tree.Kind && reader.IsNull == tree.IsNull && reader.IsError == tree.IsError, "Reader and tree are of different types");
        OracleException.Demand(reader.VerbatimFormat == tree.VerbatimFormat, "Reader and tree have different formats");
        if (!thorough)
        {
            // A refusal costs an exception; agreement about what is accepted costs nothing.
            OracleException.Demand(!isInteger || tree.AsInt64() == integer, "Reader and tree disagree about an integer");
            OracleException.Demand(!isDouble || tree.AsDouble().Equals(number), "Reader and tree disagree about a double");
            OracleException.Demand(!isBoolean || tree.AsBoolean() == truth, "Reader and tree disagree about a boolean");
            return;
        }

        DemandSame("an integer", isInteger, integer, tree, value => value.AsInt64());
        DemandSame("a double", isDouble, number, tree, value => value.AsDouble());
        DemandSame("a boolean", isBoolean, truth, tree, value => value.AsBoolean());
        DemandThrows(reader, isInteger, isDouble, isBoolean);
        DemandTexts(reader, tree);
    }

    /// <summary>The content, copied; what lies in one piece lies there equal.</summary>
    public static ReadOnlySpan<byte> Content(in RespReader reader, RespValue? tree)
    {
        int length = reader.CopyTo(Scratch);
        ReadOnlySpan<byte> content = Scratch.AsSpan(0, length);
        OracleException.Demand(length == reader.ByteLength, "Another length than announced");
        OracleException.Demand(!reader.TryGetSpan(out ReadOnlySpan<byte> inPlace) || inPlace.SequenceEqual(content), "Copy and original differ");
        OracleException.Demand(tree is null || tree.AsBytes().Span.SequenceEqual(content), "Reader and tree have different content");
        return content;
    }

    private static void DemandShape(in RespReader reader)
    {
        OracleException.Demand(!(reader.IsAggregate && reader.IsString), "String and aggregate in one");
        OracleException.Demand(!reader.IsNull || (!reader.IsAggregate && !reader.IsString && reader.ByteLength == 0 && reader.Count == 0), "A null with content");
        OracleException.Demand(reader.IsAggregate || reader.Count == 0, "A scalar with children");
        RespServerException? error = reader.ToException();
        OracleException.Demand(error is not null == reader.IsError, "An error without exception");
        OracleException.Demand(error is null || (error.Text.Length <= 4096 && error.Text.StartsWith(error.Token, StringComparison.Ordinal)), "An exception with another text");
    }

    // Numbers in strings are spelled as RESP spells numbers, not as the framework does.
    private static void DemandSpelling(in RespReader reader, bool isInteger, bool isDouble)
    {
        if (!isDouble)
            return;
        ReadOnlySpan<byte> content = Content(reader, null);
        OracleException.Demand(!isInteger || content.IndexOfAnyExcept(OfIntegers) < 0, "An integer spelled with other characters");
        OracleException.Demand(content.IndexOfAnyExcept(OfDoubles) < 0, "A double spelled with other characters");
    }

    private static void DemandSame<T>(string what, bool accepted, T expected, RespValue tree, Func<RespValue, T> convert)
        where T : IEquatable<T>
    {
        try
        {
            T value = convert(tree);
            if (!accepted)
                throw new OracleException($"The tree gives {what} where the reader refuses", $"{value}");
            OracleException.Demand(value.Equals(expected), $"Reader and tree disagree about {what}");
        }
        catch (RespException refusal) when (refusal is RespTypeException or RespServerException)
        {
            OracleException.Demand(!accepted, $"The tree refuses {what} that the reader gives");
            OracleException.Demand(refusal is RespServerException == tree.IsError, "A refusal of another type");
        }
    }

    private static void DemandThrows(in RespReader reader, bool isInteger, bool isDouble, bool isBoolean)
    {
        DemandThrows(reader, isInteger, static value => value.ReadInt64());
        DemandThrows(reader, isDouble, static value => value.ReadDouble());
        DemandThrows(reader, isBoolean, static value => value.ReadBoolean());
        DemandThrows(reader, reader.Prefix is RespPrefix.Integer or RespPrefix.BigNumber, static value => value.ReadBigInteger());
        DemandThrows(reader, !reader.IsAggregate, static value => value.ReadString());
        DemandThrows(reader, !reader.IsAggregate, static value => value.ToArray());
        DemandThrows(reader, !reader.IsAggregate, static value => value.CopyTo(Scratch));
        DemandThrows(reader, !reader.IsError, static value => value.ThrowIfError());
    }

    private static void DemandThrows(in RespReader reader, bool accepted, ReaderAction action)
    {
        try
        {
            action(reader);
            OracleException.Demand(accepted, "A member that must throw doesn't");
        }
        catch (RespException refusal) when (refusal is RespTypeException or RespServerException)
        {
            OracleException.Demand(!accepted, "A member throws that must not");
            OracleException.Demand(refusal is RespServerException == reader.IsError, "A refusal of another type");
        }
    }

    private static void DemandTexts(in RespReader reader, RespValue tree)
    {
        OracleException.Demand(tree.ToString().Length > 0 || tree.AsBytes().Length == 0, "A value without text");
        OracleException.Demand(tree.AsException() is null == (reader.ToException() is null), "Reader and tree disagree about an error");
        if (reader.IsError)
            OracleException.Demand(tree.AsException()!.Text == reader.ToException()!.Text, "Reader and tree tell an error differently");
        if (reader.IsString || reader.IsNull)
            OracleException.Demand(tree.AsString() == reader.ReadString(), "Reader and tree disagree about a text");
        int pairs = 0;
        foreach (KeyValuePair<RespValue, RespValue> pair in tree.Pairs)
            pairs += pair.Key.Equals(tree.Items[pairs]) && pair.Value.Equals(tree.Items[pairs + 1]) ? 2 : 0;
        OracleException.Demand(pairs == (tree.Kind is RespPrefix.Map or RespPrefix.Attribute ? tree.Items.Count : 0), "Pairs that are not the items");
    }

    private delegate void ReaderAction(RespReader reader);
}
