using System.Numerics;
using Sluice.Resp;
using Sluice.Resp.Tests.Protocol;

namespace Sluice.Fuzz.Targets;

/// <summary>Asks a reader for everything that it can say about its value and all within, and beside it the tree of the same value, which must say the same.</summary>
internal static class ValueWalk
{
    /// <summary>The value in <see cref="Notation"/>.</summary>
    /// <param name="reader">Stands on the value.</param>
    /// <param name="tree">The same value; null where there is none (pushes inside replies).</param>
    /// <param name="thorough">Also what throws.</param>
    public static string Describe(RespReader reader, RespValue? tree, bool thorough)
    {
        List<string> attributes = [];
        if (reader.TryGetAttributes(out RespReader about))
        {
            int known = 0;
            do
            {
                OracleException.Demand(about.Prefix == RespPrefix.Attribute && about.IsAggregate, "Attributes of another type");
                DescribeChildren(about, tree?.Attributes, attributes, thorough);
                known += about.Count;
                about.Skip();
            }
            while (about.MoveNextAttribute());
            OracleException.Demand(tree is null || tree.Attributes?.Items.Count == known, "The tree has other attributes than the reader");
        }
        else
        {
            OracleException.Demand(tree?.Attributes is null, "The tree has attributes that the reader hasn't");
        }

        ScalarWalk.Ask(reader, tree, thorough);
        return Notation.WithAttributes(attributes, DescribeBare(reader, tree, thorough));
    }

    /// <summary>All values, depth first, are as many as the tree has; and who passes over the content is at the end.</summary>
    public static void DemandFlat(RespReader reader, RespValue tree)
    {
        RespReader end = reader;
        end.Skip();
        OracleException.Demand(!end.MoveNext() && end.Prefix == RespPrefix.None, "Something follows what was skipped");
        int flat = 1;
        while (reader.MoveNext())
            flat++;
        OracleException.Demand(flat == CountValues(tree), "The walk meets another number of values than the tree has");
    }

    /// <summary>How deep the tree is, attributes included; 1 for a scalar.</summary>
    public static int Levels(RespValue tree)
    {
        int deepest = tree.Attributes is null ? 0 : Levels(tree.Attributes);
        foreach (RespValue item in tree.Items)
            deepest = Math.Max(deepest, Levels(item));
        return 1 + deepest;
    }

    private static int CountValues(RespValue tree)
    {
        int count = 1;
        foreach (RespValue item in tree.Items)
            count += CountValues(item);
        return count;
    }

    private static string DescribeBare(in RespReader reader, RespValue? tree, bool thorough)
    {
        if (reader.IsNull)
            return reader.Prefix == RespPrefix.Null ? Notation.Null : $"{Notation.Null}{(char)reader.Prefix}";
        switch (reader.Prefix)
        {
            case RespPrefix.Integer:
                return Notation.Integer(reader.ReadInt64());
            case RespPrefix.Double:
                return Notation.Double(reader.ReadDouble());
            case RespPrefix.BigNumber:
                BigInteger big = reader.ReadBigInteger();
                OracleException.Demand(tree is null || tree.AsBigInteger() == big, "Reader and tree disagree about a big number");
                return Notation.Big(big);
            case RespPrefix.Boolean:
                return Notation.Boolean(reader.ReadBoolean());
            case RespPrefix.VerbatimString:
                return Notation.Verbatim(reader.VerbatimFormat!, ScalarWalk.Content(reader, tree));
            case RespPrefix.Array or RespPrefix.Set or RespPrefix.Map or RespPrefix.Push:
                List<string> items = [];
                DescribeChildren(reader, tree, items, thorough);
                OracleException.Demand(tree is null || tree.Items.Count == items.Count, "The tree has other children than the reader");
                return Notation.Aggregate((char)reader.Prefix, items);
            default:
                return Notation.Text((char)reader.Prefix, ScalarWalk.Content(reader, tree));
        }
    }

    // Items go on behind those of the attribute before.
    private static void DescribeChildren(in RespReader reader, RespValue? tree, List<string> items, bool thorough)
    {
        int before = items.Count;
        foreach (RespReader child in reader.Children)
            items.Add(Describe(child, tree?.Items[items.Count], thorough));
        OracleException.Demand(reader.Count == items.Count - before, "Another number of children than announced");
    }
}
