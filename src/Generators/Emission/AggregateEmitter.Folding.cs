namespace Sluice.Generators.Emission;

/// <content>Fields whose deltas only the application's code can merge.</content>
internal sealed partial class AggregateEmitter
{
    private bool Folds => _model.Fields.Any(static declared => declared.Shape.Folds);

    private string FoldingArgument => Folds ? $", {Aggregates}StateFolding.Of<{_model.ClassName}.State>()" : "";

    private string FoldingInterface => Folds ? $", {Aggregates}IFoldingState<State>" : "";

    private void WriteFolding()
    {
        if (!Folds)
            return;
        _source.Line();
        _source.Open("public readonly State Unfolded()");
        _source.Line("State copy = default;");
        WriteEachFolding("copy.{0} = {0}.Unfolded();");
        _source.Line("return copy;");
        _source.Close();
        _source.Line();
        _source.Open("public void Fold()");
        WriteEachFolding("{0}.Fold();");
        _source.Close();
        _source.Line();
        _source.Open("public void Adopt(in State folded)");
        WriteEachFolding("{0}.Adopt(in folded.{0});");
        _source.Close();
    }

    private void WriteEachFolding(string statement)
    {
        for (int i = 0; i < _backing.Length; i++)
        {
            if (_model.Fields[i].Shape.Folds)
                _source.Line(statement.Replace("{0}", _backing[i]));
        }
    }
}
