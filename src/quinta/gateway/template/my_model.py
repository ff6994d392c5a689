"""The model of this project: what is trained, and on which columns. dq0.makedp trains it privately."""

from dq0.sdk.models.model import Model

from dq0.makedp import LogisticRegression


class UserModel(Model):
    def setup_data(self):
        # Without a word here, the columns that the dataset's owner marked as features and target are taken, encoded by
        # what the owner declared of them. What is trained on them is private for everybody in the dataset.
        # To choose: self.feature_columns = ["age", "sex"]; self.target_column = "income"
        #
        # To prepare the rows yourself, read them: data = self.data_source.read(), and set self.X_train, self.y_train,
        # self.X_test and self.y_test. Then what comes out may wait for the owner's approval.
        pass

    def setup_model(self):
        # Also there: LinearRegression(), NaiveBayes(), Network(hidden=(16,)); such models of scikit-learn; torch and
        # Keras Sequential models of dense layers, if requirements.txt names the package.
        self.model = LogisticRegression()

    def preprocess(self):
        # For setup_data, where it reads rows.
        return self.data_source.read()

    def attach_data_source(self, data_source):
        # Called with the attached dataset before setup_data.
        self.data_source = data_source
