using Sluice.Fuzz.Coverage;

namespace Sluice.Fuzz.Engine;

/// <summary>Inputs worth changing. An input that is the shortest for some edge is a favourite.</summary>
internal sealed class Corpus
{
    private readonly List<byte[]> _inputs = [];
    private readonly int[] _shortestOf = new int[EdgeMap.Size];
    private readonly List<int> _favourites = [];
    private bool _favouritesAreOld;

    public Corpus() => Array.Fill(_shortestOf, -1);

    public int Count => _inputs.Count;

    /// <summary>The favourites: together they take every edge that any input takes.</summary>
    public IEnumerable<byte[]> Favourites
    {
        get
        {
            FindFavourites();
            return _favourites.Select(index => _inputs[index]);
        }
    }

    public void Add(byte[] input, List<int> taken)
    {
        _inputs.Add(input);
        foreach (int edge in taken)
        {
            int best = _shortestOf[edge];
            if (best < 0 || _inputs[best].Length > input.Length)
                _shortestOf[edge] = _inputs.Count - 1;
        }

        _favouritesAreOld = true;
    }

    /// <summary>One to be changed: a favourite, a new one, or any; of two the shorter, because it runs faster and more of it matters.</summary>
    public byte[] Pick(Chance chance)
    {
        byte[] one = PickOne(chance);
        byte[] other = PickOne(chance);
        return one.Length <= other.Length ? one : other;
    }

    public byte[] PickAny(Chance chance) => _inputs[chance.Below(_inputs.Count)];

    private byte[] PickOne(Chance chance)
    {
        FindFavourites();
        return chance.Below(10) switch
        {
            < 6 => _inputs[_favourites[chance.Below(_favourites.Count)]],
            < 8 => _inputs[_inputs.Count - 1 - chance.Below(Math.Min(_inputs.Count, 20))],
            _ => PickAny(chance),
        };
    }

    private void FindFavourites()
    {
        if (!_favouritesAreOld)
            return;
        _favouritesAreOld = false;
        _favourites.Clear();
        _favourites.AddRange(_shortestOf.Where(index => index >= 0).Distinct());
    }
}
